/** In the audio thread: samples of one channel as 16-bit numbers, a tenth of a second at a time. */

const SOON = 4_800;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Int16Array(SOON);
    this.filled = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const channels = inputs[0] ?? [];
    const length = channels[0]?.length ?? 0;
    for (let at = 0; at < length; at += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[at] ?? 0;
      const level = Math.max(-1, Math.min(1, sum / channels.length));
      this.samples[this.filled] = Math.round(level * 32_767);
      this.filled += 1;
      if (this.filled === SOON) {
        this.port.postMessage(this.samples.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
