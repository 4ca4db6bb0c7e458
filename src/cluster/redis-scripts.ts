import { createHash } from 'node:crypto';

/** A Lua script that Redis runs as one step. */
export interface RedisScript {
  readonly text: string;
  /** SHA-1, by which Redis knows it again (EVALSHA). */
  readonly sha: string;
}

/*
 * KEYS[1] is always the lease: a string "term\nholder\nurl" that expires. KEYS[2] is the head: a hash of
 * term, sequence and hash. Every script that is fenced answers in one form: outcome, then lease (term,
 * holder, url, milliseconds left) and head (term, sequence, hash), empty where there is none.
 *
 * In each, what could fail comes before what changes anything: a script is not undone half-way.
 */
const common = `
local function digits(number) return string.format('%.0f', number) end
local function read_lease()
  local value = redis.call('GET', KEYS[1])
  if not value then return nil end
  local left = redis.call('PTTL', KEYS[1])
  local term, holder, url = string.match(value, '^(%d+)\\n([^\\n]*)\\n(.*)$')
  if not term or left <= 0 then return nil end
  return { term = term, holder = holder, url = url, left = left }
end
local function reply(outcome)
  local lease = read_lease()
  local head = redis.call('HMGET', KEYS[2], 'term', 'sequence', 'hash')
  local result = { outcome, '', '', '', 0, head[1] or '', head[2] or '', head[3] or '' }
  if lease then
    result[2], result[3], result[4], result[5] = lease.term, lease.holder, lease.url, lease.left
  end
  return result
end
local function holds(holder, term)
  local lease = read_lease()
  return lease and lease.holder == holder and lease.term == term
end
local function is_after(term, sequence, other_term, other_sequence)
  term, sequence = tonumber(term), tonumber(sequence)
  other_term, other_sequence = tonumber(other_term), tonumber(other_sequence)
  return term > other_term or (term == other_term and sequence > other_sequence)
end
`;

function script(body: string): RedisScript {
  const text = common + body;
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** The scripts of the bus (bus.ts says what each promises). */
export const redisScripts = {
  /** KEYS lease head counter; ARGV holder url knownTerm term sequence replaces ttlMs. */
  lead: script(`
local holder, url, ttl = ARGV[1], ARGV[2], ARGV[7]
local lease = read_lease()
if lease and not (lease.holder == holder and lease.term == ARGV[6]) then return reply('held') end
local head = redis.call('HMGET', KEYS[2], 'term', 'sequence')
if head[1] and tonumber(head[2]) > 0 and is_after(head[1], head[2], ARGV[4], ARGV[5]) then
  return reply('behind')
end
local counter = tonumber(redis.call('GET', KEYS[3]) or '0')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local term = digits(math.max(counter + 1, tonumber(ARGV[3]) + 1, now))
redis.call('SET', KEYS[3], term)
redis.call('SET', KEYS[1], term .. '\\n' .. holder .. '\\n' .. url, 'PX', ttl)
return reply('led')
`),

  /** KEYS lease head; ARGV holder term ttlMs. */
  renew: script(`
if not holds(ARGV[1], ARGV[2]) then return reply('fenced') end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return reply('done')
`),

  /** KEYS lease head; ARGV holder term. */
  resign: script(`
if holds(ARGV[1], ARGV[2]) then redis.call('DEL', KEYS[1]) end
return reply('done')
`),

  /** KEYS lease head log; ARGV holder term sequence hash bytes. */
  assume: script(`
if not holds(ARGV[1], ARGV[2]) then return reply('fenced') end
local sequence = redis.call('HGET', KEYS[2], 'sequence')
if sequence and tonumber(sequence) > tonumber(ARGV[3]) then return reply('conflict') end
local id = ARGV[2] .. '-' .. ARGV[3]
local added = redis.pcall('XADD', KEYS[3], id, 'b', ARGV[5])
if type(added) == 'table' and added.err then
  -- Ids beyond a term that was never given before: not of this cluster's making.
  redis.call('DEL', KEYS[3])
  redis.call('XADD', KEYS[3], id, 'b', ARGV[5])
end
redis.call('HSET', KEYS[2], 'term', ARGV[2], 'sequence', ARGV[3], 'hash', ARGV[4])
return reply('done')
`),

  /** KEYS lease head log; ARGV holder term sequence hash bytes. */
  append: script(`
if not holds(ARGV[1], ARGV[2]) then return reply('fenced') end
local head = redis.call('HMGET', KEYS[2], 'term', 'sequence')
if not head[1] or head[1] ~= ARGV[2] or tonumber(head[2]) ~= tonumber(ARGV[3]) - 1 then
  return reply('conflict')
end
local added = redis.pcall('XADD', KEYS[3], ARGV[2] .. '-' .. ARGV[3], 'b', ARGV[5])
if type(added) == 'table' and added.err then
  if string.find(added.err, 'equal or smaller') then return reply('conflict') end
  return added
end
redis.call('HSET', KEYS[2], 'sequence', ARGV[3], 'hash', ARGV[4])
return reply('done')
`),

  /** KEYS group; ARGV index bytes ttlMs. */
  putChunk: script(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`),

  /** KEYS lease head log snapshots group; ARGV holder term sequence group manifest groupPrefix. */
  announce: script(`
if not holds(ARGV[1], ARGV[2]) then return reply('fenced') end
local was = redis.call('HMGET', KEYS[4], 'term', 'sequence', 'group', 'older')
if was[1] and is_after(was[1], was[2], ARGV[2], ARGV[3]) then return reply('conflict') end
redis.call('PERSIST', KEYS[5])
if was[1] and not is_after(ARGV[2], ARGV[3], was[1], was[2]) then
  redis.call('HSET', KEYS[4], 'group', ARGV[4], 'manifest', ARGV[5])
  if was[3] ~= ARGV[4] then redis.call('UNLINK', ARGV[6] .. was[3]) end
  return reply('done')
end
redis.call('HSET', KEYS[4], 'term', ARGV[2], 'sequence', ARGV[3], 'group', ARGV[4],
  'manifest', ARGV[5], 'older', was[3] or '')
if was[4] and was[4] ~= '' then redis.call('UNLINK', ARGV[6] .. was[4]) end
if was[1] then
  local next_id = was[1] .. '-' .. digits(tonumber(was[2]) + 1)
  redis.call('XTRIM', KEYS[3], 'MINID', '=', next_id)
end
return reply('done')
`),

  /** KEYS lease head table log; ARGV holder term sequence full bytes maxEntries. */
  publish: script(`
if not holds(ARGV[1], ARGV[2]) then return reply('fenced') end
local last = redis.call('HMGET', KEYS[3], 'term', 'sequence')
if last[1] and not is_after(ARGV[2], ARGV[3], last[1], last[2]) then return reply('conflict') end
local full = ARGV[4] == '1'
local added = redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], ARGV[2] .. '-' .. ARGV[3],
  'f', ARGV[4], 'b', full and '' or ARGV[5])
if type(added) == 'table' and added.err then
  if string.find(added.err, 'equal or smaller') then return reply('conflict') end
  return added
end
redis.call('HSET', KEYS[3], 'term', ARGV[2], 'sequence', ARGV[3])
if full then
  redis.call('HSET', KEYS[3], 'fullTerm', ARGV[2], 'fullSequence', ARGV[3], 'bytes', ARGV[5])
end
return reply('done')
`),

  /** KEYS nodes expiry; ARGV id bytes ttlMs. Also drops who has been silent for too long. */
  beat: script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], digits(now + tonumber(ARGV[3])), ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', digits(now), 'LIMIT', 0, 100)) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
return 1
`),

  /** KEYS nodes expiry; ARGV id. */
  forget: script(`
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
`),
} as const;
