/** What panels of all dashboards are made of. */

export interface Query {
  expr: string;
  legend: string;
}

export interface Panel {
  title: string;
  description: string;
  /** Grafana's name of the unit, such as s, reqps or percentunit. */
  unit: string;
  queries: Query[];
  type?: 'timeseries' | 'stat' | 'state-timeline';
}

export const AGENT = 'breakwater_dev_agent';
/** Grafana's window for rates, which follows the scrape interval. */
export const RATE = '$__rate_interval';

export const rate = (series: string, labels: string, by: string): string =>
  `sum${by === '' ? '' : ` by (${by})`} (rate(${series}{${labels}}[${RATE}]))`;

export const quantile = (share: number, series: string, labels: string, by = ''): string =>
  `histogram_quantile(${share}, ${rate(`${series}_bucket`, labels, by === '' ? 'le' : `${by}, le`)})`;

/** p50, p95 and p99, each with the legend and its name. */
export const quantiles = (series: string, labels: string, by: string, legend: string): Query[] =>
  [0.5, 0.95, 0.99].map((share) => ({
    expr: quantile(share, series, labels, by),
    legend: `${legend} p${share * 100}`.trim(),
  }));

/** What tokens cost in an hour, at the prices of a million that the dashboard's variables state. */
export const cost = (input: string, output: string, labels: string, by: string): string => {
  const of = (series: string, price: string): string =>
    `${rate(series, labels, by)} * 3600 / 1e6 * ${price}`;
  return `${of(input, '$input_price')} + ${of(output, '$output_price')}`;
};

/** Reasons for which the runtime itself turns a request away. */
export const REJECTIONS =
  'reason=~"CircuitBreakerOpen|RateLimited|BulkheadFull|BodiesFull|SpendLimit|CredentialRefused|Unauthorized|AuthThrottled|Draining"';
