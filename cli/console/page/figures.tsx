import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { UsagePage } from '../answers.ts';
import { agentPath, get } from './api.ts';
import { Problem } from './parts.tsx';

/** How often the pods are asked while the page is looked at, in milliseconds. */
const EVERY_MS = 5000;
/** Moments that the charts show: half an hour. */
const MOST = 360;

/** Figures of an agent at one moment. */
interface Moment {
  at: number;
  count: number;
  perSecond: number | null;
  p95Ms: number | null;
  okPercent: number | null;
  inFlight: number | null;
}

const CHARTS = [
  { name: 'Requests a second', value: ({ perSecond }: Moment) => perSecond },
  { name: 'p95 of 5 minutes, ms', value: ({ p95Ms }: Moment) => p95Ms },
  { name: 'Served of 5 minutes, %', value: ({ okPercent }: Moment) => okPercent },
  { name: 'In flight', value: ({ inFlight }: Moment) => inFlight },
];

/** Charts of an agent from the moment on at which the page is opened. */
export function Figures({ namespace, name }: { namespace: string; name: string }): JSX.Element {
  const [moments, setMoments] = useState<readonly Moment[]>([]);
  const [page, setPage] = useState<UsagePage>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      const next = await get<UsagePage>(agentPath(namespace, name, 'usage'), abort.signal);
      setPage(next);
      setProblem(undefined);
      setMoments((before) => [...before, momentOf(next, before.at(-1))].slice(-MOST));
    };
    const again = (): void => {
      ask()
        .catch((error: Error) => abort.signal.aborted || setProblem(error.message))
        .finally(() => {
          if (!abort.signal.aborted) timer = setTimeout(again, EVERY_MS);
        });
    };
    let timer = setTimeout(again, 0);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [namespace, name]);
  return (
    <>
      <Problem text={problem} />
      {page && <Notes {...page} />}
      <div class="charts">
        {CHARTS.map((chart) => (
          <Chart key={chart.name} {...chart} moments={moments} />
        ))}
      </div>
    </>
  );
}

function Notes({ usage, notAsked, failures }: UsagePage): JSX.Element {
  return (
    <>
      <p>
        From {usage.pods} {usage.pods === 1 ? 'pod' : 'pods'}.
        {notAsked > 0 && ` ${notAsked} more are not asked.`}
      </p>
      {failures.length > 0 && <Problem text={failures.join('\n')} />}
    </>
  );
}

function momentOf({ at, usage }: UsagePage, before: Moment | undefined): Moment {
  const requests = usage.operations.find(({ operation }) => operation === 'request');
  const { recent } = requests ?? {};
  const [time, count] = [Date.parse(at) / 1000, requests?.count ?? 0];
  return {
    ...{ at: time, count, perSecond: rateOf(time, count, before) },
    p95Ms: recent?.p95Ms ?? null,
    okPercent: recent && recent.count > 0 ? recent.successPercent : null,
    inFlight: usage.load?.inFlight ?? null,
  };
}

/** Null if it is not known: a pod that ended or did not answer takes its count along. */
function rateOf(time: number, count: number, before: Moment | undefined): number | null {
  const counts = before !== undefined && count >= before.count && time > before.at;
  return counts ? (count - before.count) / (time - before.at) : null;
}

interface ChartOf {
  name: string;
  value: (moment: Moment) => number | null;
  moments: readonly Moment[];
}

function Chart({ name, value, moments }: ChartOf): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const last = moments.map(value).findLast((each) => each !== null);
  useEffect(() => {
    const style = getComputedStyle(host.current!);
    const line = { stroke: style.color, grid: { stroke: style.borderColor, width: 1 } };
    const width = host.current!.clientWidth;
    const scales = {
      y: {
        range: (_: uPlot, __: number, top: number): [number, number] => [0, Math.max(1, top * 1.1)],
      },
    };
    const series = [
      {},
      { stroke: style.accentColor === 'auto' ? style.color : style.accentColor, width: 2 },
    ];
    const options = {
      ...{ width, height: 140, scales, series, axes: [line, line] },
      legend: { show: false },
    };
    plot.current = new uPlot(options, [[], []], host.current!);
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: host.current!.clientWidth, height: 140 }),
    );
    resized.observe(host.current!);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => {
    plot.current?.setData([moments.map(({ at }) => at), moments.map(value)]);
  }, [moments]);
  return (
    <figure>
      <figcaption>
        {name}: {last === undefined ? 'not known' : Number(last.toPrecision(3))}
      </figcaption>
      <div ref={host} class="chart" aria-hidden="true" />
    </figure>
  );
}
