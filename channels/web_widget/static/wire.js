// The line to the service: calls, the stream of answers, and waiting by single calls where streams are blocked.
const CALL_LIMIT_MS = 15000;
const READY_LIMIT_MS = 5000; // a stream that says nothing for this long is held back by something in between
const SILENCE_LIMIT_MS = 40000; // the service says something every 15 s
const BLOCKED_FOR_MS = 300000;
const HIDDEN_AFTER_MS = 30000; // a page that nobody looks at asks now and then instead of holding a connection
const HIDDEN_EVERY_MS = 15000;
const SLOWEST_RETRY_MS = 15000;

class Refused extends Error {
  constructor(word, status, after) {
    super(word);
    this.word = word;
    this.status = status;
    this.after = after;
  }
}

// A POST with a plain text body: no browser asks for permission first, and the token stands in no address.
async function call(address, what, body, options = {}) {
  const cutter = new AbortController();
  const late = setTimeout(() => cutter.abort(), options.limit || CALL_LIMIT_MS);
  try {
    const response = await fetch(`${address}?do=${what}`, {
      method: 'POST', body, signal: cutter.signal, credentials: 'omit', cache: 'no-store', referrerPolicy: 'origin',
    });
    if (!response.ok) {
      const said = await response.json().catch(() => ({}));
      throw new Refused(said.error || 'busy', response.status, said.after || 0);
    }
    return options.blob ? await response.blob() : await response.json();
  } finally {
    clearTimeout(late);
  }
}

class Wire {
  // `told` hears: lines(list), state('connecting' | 'online' | 'offline'), fresh(page of history).
  constructor(address, memory, told) {
    this.address = address;
    this.memory = memory;
    this.told = told;
    this.after = 0;
    this.failures = 0;
    this.blockedUntil = 0;
    this.hiddenSince = 0;
    this.running = false;
    this.opening = null;
    this.cut = null;
    this.rouse = () => {};
    addEventListener('online', () => { if (this.cut) this.cut.abort(); this.wake(); });
    addEventListener('offline', () => { if (this.running) this.told.state('offline'); });
    document.addEventListener('visibilitychange', () => this.watched());
  }

  ask(what, fields, options) {
    return call(this.address, what, JSON.stringify({ token: this.memory.get('token'), ...fields }), options);
  }

  // A token, the one that is kept or a new one; one call however many ask.
  session() {
    if (!this.opening) {
      this.opening = this.open().catch((error) => { this.opening = null; throw error; });
    }
    return this.opening;
  }

  async open() {
    let page;
    try {
      page = await this.ask('session', {});
    } catch (error) {
      if (error.word !== 'token') throw error;
      this.memory.set('token', '');
      page = await this.ask('session', {});
    }
    this.memory.set('token', page.token);
    this.after = page.last;
    this.told.fresh(page);
  }

  // The token was refused in mid-life: begin with a new one.
  renew() {
    this.memory.set('token', '');
    this.memory.set('seen', 0);
    this.opening = null;
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.told.state('connecting');
    this.run();
  }

  async run() {
    while (this.running) {
      let pause = 0;
      try {
        await this.session();
        if (this.isHidden()) {
          await this.poll(0);
          pause = HIDDEN_EVERY_MS;
        } else if (Date.now() < this.blockedUntil) {
          await this.poll(20);
        } else {
          const began = Date.now();
          await this.stream();
          // A service that is leaving ends streams as soon as they begin.
          if (Date.now() - began < 1000) pause = 200;
        }
      } catch (error) {
        pause = this.failed(error);
      }
      if (pause) await this.pause(pause);
    }
  }

  failed(error) {
    if (error.word === 'token') this.renew();
    if (error.word === 'crowded') this.blockedUntil = Date.now() + BLOCKED_FOR_MS;
    this.failures += 1;
    this.told.state(this.failures > 1 || !navigator.onLine ? 'offline' : 'connecting');
    const backoff = Math.min(SLOWEST_RETRY_MS, 250 * 2 ** Math.min(this.failures, 8)) * (0.7 + 0.6 * Math.random());
    return Math.max(backoff, (error.after || 0) * 1000);
  }

  good() {
    this.failures = 0;
    this.told.state('online');
  }

  async poll(wait) {
    const page = await this.ask('history', { after: this.after, wait }, { limit: CALL_LIMIT_MS + wait * 1000 });
    this.good();
    this.took(page.lines);
    this.after = page.more ? this.after : page.last;
  }

  took(lines) {
    if (!lines.length) return;
    this.after = lines[lines.length - 1].seq;
    this.told.lines(lines);
  }

  async stream() {
    const cut = new AbortController();
    this.cut = cut;
    let ready = false;
    let heldBack = false;
    let watchdog = setTimeout(() => { heldBack = true; cut.abort(); }, READY_LIMIT_MS);
    try {
      const body = JSON.stringify({ token: this.memory.get('token'), after: this.after });
      const response = await fetch(`${this.address}?do=events`, {
        method: 'POST', body, signal: cut.signal, credentials: 'omit', cache: 'no-store', referrerPolicy: 'origin',
      });
      if (!response.ok) {
        const said = await response.json().catch(() => ({}));
        throw new Refused(said.error || 'busy', response.status, said.after || 0);
      }
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      let text = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => cut.abort(), SILENCE_LIMIT_MS);
        text += decoder.decode(value, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop();
        for (const block of blocks) {
          if (this.event(block)) ready = true;
        }
      }
    } catch (error) {
      // Headers came and no word after them, or none at all: something holds streams back. Ask call by call.
      if (heldBack) this.blockedUntil = Date.now() + BLOCKED_FOR_MS;
      if (error instanceof Refused || !ready) throw error;
      this.told.state('connecting');
    } finally {
      clearTimeout(watchdog);
      this.cut = null;
    }
  }

  // One event of the stream; true when it says that the stream is up.
  event(block) {
    const fields = { event: '', data: '' };
    for (const row of block.split('\n')) {
      const colon = row.indexOf(':');
      if (colon > 0) fields[row.slice(0, colon)] = row.slice(colon + 1).replace(/^ /, '');
    }
    if (fields.event === 'line') this.took([JSON.parse(fields.data)]);
    if (fields.event !== 'ready') return false;
    this.after = Math.min(this.after, JSON.parse(fields.data).last);
    this.good();
    return true;
  }

  isHidden() {
    return document.hidden && this.hiddenSince > 0 && Date.now() - this.hiddenSince >= HIDDEN_AFTER_MS;
  }

  watched() {
    this.hiddenSince = document.hidden ? Date.now() : 0;
    if (!document.hidden) {
      this.wake();
      return;
    }
    setTimeout(() => { if (this.isHidden() && this.cut) this.cut.abort(); }, HIDDEN_AFTER_MS + 100);
  }

  wake() {
    this.rouse();
  }

  pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.rouse = () => { clearTimeout(timer); resolve(); };
    });
  }
}
