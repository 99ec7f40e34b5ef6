// Own metrics: thin names over prom-client, so that the library can be replaced in one place.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Where a thread's metrics live. */
export class Metrics {
  readonly registry = new Registry()

  /** A counter; names end in _total. */
  counter<L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] })
  }

  /** A gauge; `collect` sets it when it is scraped. */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[] = [],
    collect?: (gauge: Gauge<L>) => void | Promise<void>,
  ): Gauge<L> {
    return new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      ...(collect === undefined
        ? {}
        : {
            collect() {
              return collect(this as Gauge<L>)
            },
          }),
    })
  }

  /** A histogram with the given upper bounds. */
  histogram<L extends string>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({
      name,
      help,
      labelNames,
      buckets: [...buckets],
      registers: [this.registry],
    })
  }

  /** Adds what is known of the process itself: process_cpu_seconds_total, process_resident_memory_bytes, nodejs_*. */
  collectProcess(): void {
    collectDefaultMetrics({ register: this.registry })
  }

  /** All metrics in the Prometheus text format. */
  expose(): Promise<string> {
    return this.registry.metrics()
  }
}
