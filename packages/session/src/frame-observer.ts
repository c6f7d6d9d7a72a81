import { readUtf8, type FrameInfo, type Runtime } from '@rpcxjs/core';
import type { FrameView } from '@rpcxjs/protocol';
import { observe } from './observe.ts';

/** A plugin, as far as it watches frames. */
interface Watcher {
  readonly name: string;
  frameRead?(frame: FrameInfo): void;
  frameWritten?(frame: FrameInfo): void;
}

/** Tells plugins of calls and replies that came or went; what they throw is logged and forgotten. */
export class FrameObserver {
  readonly #watchers: readonly Watcher[];
  readonly #runtime: Runtime;

  private constructor(watchers: readonly Watcher[], runtime: Runtime) {
    this.#watchers = watchers;
    this.#runtime = runtime;
  }

  /** Undefined when nobody watches, so that frames cost nothing then. */
  static of(plugins: readonly Watcher[], runtime: Runtime): FrameObserver | undefined {
    const watchers = plugins.filter((plugin) => plugin.frameRead !== undefined || plugin.frameWritten !== undefined);
    return watchers.length === 0 ? undefined : new FrameObserver(watchers, runtime);
  }

  read(frame: FrameView): void {
    const { bytes } = frame;
    const service = readUtf8(bytes, frame.serviceStart, frame.serviceEnd);
    const method = readUtf8(bytes, frame.methodStart, frame.methodEnd);
    const info = { service, method, bytes: frame.end - frame.start };
    observe(this.#watchers, this.#runtime, (watcher) => watcher.frameRead?.(info));
  }

  written(service: string, method: string, bytes: number): void {
    const info = { service, method, bytes };
    observe(this.#watchers, this.#runtime, (watcher) => watcher.frameWritten?.(info));
  }
}
