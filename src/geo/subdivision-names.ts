/*
 * ISO 3166-2 codes by English name, for databases that give subdivisions by name only. Countries
 * where operators steer by state: the United States, Canada, Australia.
 */
const namesByCountry: Readonly<Record<string, string>> = {
  US:
    'AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|' +
    'DE Delaware|DC District of Columbia|DC Washington, D.C.|FL Florida|GA Georgia|HI Hawaii|' +
    'ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|' +
    'MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|' +
    'NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|' +
    'NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|' +
    'RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|' +
    'VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming',
  CA:
    'AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador|' +
    'NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|' +
    'QC Quebec|QC Québec|SK Saskatchewan|YT Yukon',
  AU:
    'ACT Australian Capital Territory|NSW New South Wales|NT Northern Territory|QLD Queensland|' +
    'SA South Australia|TAS Tasmania|VIC Victoria|WA Western Australia',
};

let table: ReadonlyMap<string, string> | undefined;

/** `US-CA` for US and `California`; undefined for names and countries that are not in the table. */
export function subdivisionByName(country: string, name: string): string | undefined {
  table ??= buildTable();
  return table.get(`${country}/${name.toLowerCase()}`);
}

function buildTable(): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  for (const [country, list] of Object.entries(namesByCountry)) {
    for (const entry of list.split('|')) {
      const space = entry.indexOf(' ');
      rows.set(
        `${country}/${entry.slice(space + 1).toLowerCase()}`,
        `${country}-${entry.slice(0, space)}`,
      );
    }
  }
  return rows;
}
