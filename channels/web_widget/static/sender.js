// What the visitor wrote, until the service has it: one at a time, in order, under an id that makes repeats harmless.
const TRIES = 4;
const RETRY_MS = [500, 1500, 4000];
const LONGEST_RATE_WAIT_S = 30;

class Sender {
  // `told` hears: sending(item), sent(item, answer), failed(item, word).
  constructor(wire, memory, told) {
    this.wire = wire;
    this.memory = memory;
    this.told = told;
    this.queue = [];
    this.busy = false;
  }

  // What an earlier page could not send.
  left() {
    return (this.memory.get('waiting') || []).slice(-20);
  }

  push(item) {
    // A picture is too large to be kept over a reload.
    if (!item.file) this.keep([...this.left().filter((one) => one.id !== item.id), { id: item.id, text: item.text }]);
    this.queue.push(item);
    this.told.sending(item);
    this.pump();
  }

  // The service has it, whoever told us so.
  settled(id) {
    this.queue = this.queue.filter((one) => one.id !== id);
    const left = this.left();
    if (left.some((one) => one.id === id)) this.keep(left.filter((one) => one.id !== id));
  }

  keep(items) {
    this.memory.set('waiting', items);
  }

  async pump() {
    if (this.busy) return;
    this.busy = true;
    while (this.queue.length) await this.deliver(this.queue[0]);
    this.busy = false;
  }

  async deliver(item) {
    for (let tried = 1; this.queue[0] === item; tried += 1) {
      try {
        await this.wire.session();
        const answer = await this.post(item);
        this.settled(item.id);
        this.told.sent(item, answer);
        return;
      } catch (error) {
        const pause = this.pauseAfter(error, tried, item);
        if (pause < 0) {
          // What was refused for what it is will be refused again; the rest may be tried by hand, even after a reload.
          if (['too_long', 'empty', 'bad', 'type'].includes(error.word)) this.settled(item.id);
          this.queue = this.queue.filter((one) => one !== item);
          this.told.failed(item, error.word || 'busy');
          return;
        }
        await new Promise((resolve) => { setTimeout(resolve, pause); });
      }
    }
  }

  // Milliseconds until the next try; negative when the visitor has to decide.
  pauseAfter(error, tried, item) {
    if (tried >= TRIES) return -1;
    if (!(error instanceof Refused) || error.status >= 500) return RETRY_MS[tried - 1];
    if (error.word === 'token') {
      this.wire.renew();
      return 0;
    }
    if (error.word !== 'rate' || error.after > LONGEST_RATE_WAIT_S) return -1;
    this.told.held(item);
    return error.after * 1000 + 50;
  }

  post(item) {
    const token = this.memory.get('token');
    if (!item.file) return call(this.wire.address, 'send', JSON.stringify({ token, id: item.id, text: item.text }));
    const head = JSON.stringify({ token, id: item.id, name: item.file.name });
    return call(this.wire.address, 'picture', new Blob([head, '\n', item.file]), { limit: 60000 });
  }
}
