/** Where voices come out: one audio element a seat, so that a tile that is off the page is still heard. */

/** Chromium and Firefox have it, Safari does not. */
interface Sinkable {
  setSinkId?(id: string): Promise<void>;
}

export class Outputs {
  readonly #elements: HTMLAudioElement[] = [];
  readonly #onBlocked: (blocked: boolean) => void;
  #speaker = '';

  /** `onBlocked(true)` when the browser holds sound back until the person acts. */
  constructor(onBlocked: (blocked: boolean) => void) {
    this.#onBlocked = onBlocked;
  }

  add(track: MediaStreamTrack): void {
    const element = new Audio();
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    this.#elements.push(element);
    if (this.#speaker !== '') void this.#route(element);
    void this.#play(element);
  }

  /** @throws DOMException when the speaker is gone or not allowed. */
  async choose(deviceId: string): Promise<void> {
    this.#speaker = deviceId;
    await Promise.all(this.#elements.map((element) => this.#route(element)));
  }

  /** Call from a click: starts what the browser held back. */
  async resume(): Promise<void> {
    await Promise.all(this.#elements.map((element) => this.#play(element)));
  }

  close(): void {
    for (const element of this.#elements) element.srcObject = null;
    this.#elements.length = 0;
  }

  async #route(element: HTMLAudioElement): Promise<void> {
    await (element as Sinkable).setSinkId?.(this.#speaker);
  }

  async #play(element: HTMLAudioElement): Promise<void> {
    try {
      await element.play();
      this.#onBlocked(false);
    } catch (problem) {
      if (problem instanceof DOMException && problem.name === 'NotAllowedError') this.#onBlocked(true);
    }
  }
}
