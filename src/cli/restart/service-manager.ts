import { spawn } from 'node:child_process';

/**
 * Tells the service manager that the service is ready, and which process it is now (sd_notify(3)), where
 * this process was started by one that wants to know (systemd, Type=notify with NotifyAccess=all).
 * Resolves when it was told, or could not be.
 */
export function notifyReady(pid: number): Promise<void> {
  if (!process.env['NOTIFY_SOCKET']) return Promise.resolve();
  const notify = spawn('systemd-notify', ['--ready', `--pid=${pid}`], { stdio: 'ignore' });
  return new Promise((resolve) => {
    notify.once('error', () => resolve());
    notify.once('exit', () => resolve());
  });
}
