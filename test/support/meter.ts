import type { MetricMeter, MetricTags } from '@temporalio/common';

type Tags = Readonly<Record<string, unknown>>;

export interface Measured {
  readonly name: string;
  readonly value: number;
  readonly tags: Tags;
}

/** A meter that keeps what it is given. Counters are added up by name and tags. */
export class TestMeter implements MetricMeter {
  readonly recorded: Measured[] = [];
  readonly #sums = new Map<string, number>();

  sum(name: string, tags: Tags = {}): number | undefined {
    return this.#sums.get(toKey(name, tags));
  }

  createCounter(name: string): ReturnType<MetricMeter['createCounter']> {
    return { name, kind: 'counter', valueType: 'int', withTags: unsupported, add: this.#adderOf(name) };
  }

  createUpDownCounter(name: string): ReturnType<NonNullable<MetricMeter['createUpDownCounter']>> {
    return {
      name,
      kind: 'up-down-counter',
      valueType: 'int',
      withTags: unsupported,
      add: this.#adderOf(name),
    };
  }

  createHistogram(name: string): ReturnType<MetricMeter['createHistogram']> {
    const record = (value: number, tags: MetricTags = {}) => void this.recorded.push({ name, value, tags });
    return { name, kind: 'histogram', valueType: 'float', withTags: unsupported, record };
  }

  createGauge = unsupported;
  withTags = unsupported;

  #adderOf(name: string) {
    return (value: number, tags: MetricTags = {}) => {
      const key = toKey(name, tags);
      this.#sums.set(key, (this.#sums.get(key) ?? 0) + value);
    };
  }
}

function toKey(name: string, tags: Tags): string {
  return `${name} ${JSON.stringify(Object.entries(tags).toSorted())}`;
}

function unsupported(): never {
  throw new Error('not supported');
}
