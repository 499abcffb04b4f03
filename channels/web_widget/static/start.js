// Begins here: finds the script's own tag, builds the panel, and connects it with the line to the service.
const TAG = document.currentScript;
const ROOT = TAG.src.replace(/\/(widget|channels\/web_widget)\/[^/]*$/, '');
const TYPING_LIMIT_MS = 45000;

class Chat {
  constructor() {
    const language = languageOf(TAG.dataset.lang);
    this.words = WORDS[language];
    this.address = `${ROOT}/channels/web_widget/${encodeURIComponent(SETTINGS.account)}`;
    this.memory = memoryNamed(`huiying:${this.address}`);
    this.panel = new Panel(SETTINGS, this.words, language, TAG.dataset.theme);
    this.wire = new Wire(this.address, this.memory, this);
    this.sender = new Sender(this.wire, this.memory, this);
    this.owner = 'bot';
    this.ownerName = '';
    this.first = 0;
    this.newest = 0;
    this.heard = 0;
    this.unread = 0;
    this.connection = '';
    this.listen();
    this.restore();
  }

  listen() {
    const { panel } = this;
    panel.opened = () => { this.wire.start(); this.read(); this.memory.set('open', true); };
    panel.closed = () => this.memory.set('open', false);
    panel.form.addEventListener('submit', (event) => { event.preventDefault(); this.write(); });
    panel.field.addEventListener('keydown', (event) => this.key(event));
    panel.field.addEventListener('input', () => { this.memory.set('draft', panel.field.value); panel.remark.textContent = ''; });
    panel.field.addEventListener('paste', (event) => this.pasted(event));
    panel.clip.addEventListener('click', () => panel.chooser.click());
    panel.chooser.addEventListener('change', () => { this.show(panel.chooser.files[0]); panel.chooser.value = ''; });
    panel.older.addEventListener('click', () => this.earlier());
  }

  // A visitor who wrote before sees the answers that came meanwhile; nobody else costs the service a call.
  restore() {
    this.panel.field.value = this.memory.get('draft') || '';
    for (const item of this.sender.left()) {
      this.sending(item);
      this.failed(item, 'busy');
    }
    if (this.memory.get('token')) this.wire.start();
    if (TAG.hasAttribute('data-open') || (this.memory.get('open') && !this.panel.isFull)) this.panel.open(true);
  }

  key(event) {
    // Enter that ends the choice of a Chinese word is no wish to send.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.write();
  }

  write() {
    const { panel } = this;
    const text = panel.field.value.trim();
    if (!text) return;
    if ([...text].length > SETTINGS.maxText) {
      panel.remark.textContent = this.words.tooLong(SETTINGS.maxText);
      return;
    }
    panel.field.value = '';
    panel.fit();
    this.memory.set('draft', '');
    this.wire.start();
    this.sender.push({ id: freshId(), text });
    panel.toEnd();
    panel.field.focus();
  }

  pasted(event) {
    const file = [...((event.clipboardData || {}).files || [])].find((one) => one.type.startsWith('image/'));
    if (!file || !SETTINGS.pictures) return;
    event.preventDefault();
    this.show(file);
  }

  show(file) {
    if (!file) return;
    const large = file.size > SETTINGS.maxPicture;
    const other = !/^image\/(png|jpeg|gif|webp)$/.test(file.type);
    this.panel.remark.textContent = large ? this.words.pictureTooLarge : other ? this.words.pictureKind : '';
    if (large || other) return;
    this.wire.start();
    this.sender.push({ id: freshId(), text: '', file });
    this.panel.toEnd();
  }

  // From the sender

  sending(item) {
    const { panel } = this;
    let row = panel.rows.get(item.id);
    if (!row) {
      row = lineOf({ id: item.id, by: 'visitor', kind: item.file ? 'picture' : 'text', text: item.text }, this.words, () => Promise.resolve(item.file));
      panel.rows.set(item.id, row);
      panel.place(row, Infinity);
    }
    this.fate(row, this.words.sending, 'sending');
    panel.remark.textContent = '';
  }

  sent(item, answer) {
    this.arrived(item.id, answer.at);
    // The answer may have been faster than this receipt.
    if (answer.seq > this.heard) this.typing(true);
  }

  held() {
    this.panel.remark.textContent = this.words.tooFast;
  }

  failed(item, word) {
    const row = this.panel.rows.get(item.id);
    const why = { too_long: this.words.tooLong(SETTINGS.maxText), type: this.words.pictureKind }[word];
    const retry = el('button', { class: 'retry', type: 'button' }, this.words.retry);
    retry.addEventListener('click', () => { this.sender.push(item); this.panel.field.focus(); });
    this.fate(row, why || this.words.failed, 'failed', retry);
    this.panel.announce(this.words.failed);
  }

  arrived(id, at) {
    const row = this.panel.rows.get(id);
    if (!row || Number.isFinite(row.at)) return;
    this.panel.place(row, at);
    for (const one of this.panel.list.querySelectorAll('.fate.sent')) one.textContent = '';
    this.fate(row, this.words.sent, 'sent');
  }

  fate(row, text, kind, ...more) {
    const place = row.querySelector('.fate');
    place.className = `fate ${kind}`;
    place.replaceChildren(text, ...more);
  }

  // From the wire

  state(state) {
    this.connection = state;
    this.greet();
  }

  fresh(page) {
    this.first = page.lines.length ? page.lines[0].seq : 0;
    this.newest = this.heard = 0;
    this.panel.older.hidden = !page.more;
    for (const line of page.lines) this.add(line, false);
    this.panel.toEnd();
    this.count();
  }

  lines(lines) {
    const atEnd = this.panel.isAtEnd;
    for (const line of lines) this.add(line, true);
    if (atEnd) this.panel.toEnd();
    else this.panel.pill.hidden = !lines.some((line) => line.by !== 'visitor' && line.kind !== 'hush');
    this.count();
  }

  // `isNews`: it came while the page was open. `isOld`: it was asked for by 'earlier messages'.
  add(line, isNews, isOld = false) {
    const { panel } = this;
    if (line.by === 'visitor') this.sender.settled(line.id);
    else if (!isOld) this.took(line, isNews);
    this.newest = Math.max(this.newest, line.seq);
    if (panel.rows.has(line.id)) {
      this.arrived(line.id, line.at);
      return;
    }
    if (line.kind === 'hush') return;
    const row = lineOf(line, this.words, (one) => this.wire.ask('file', { picture: one.picture }, { blob: true }));
    panel.rows.set(line.id, row);
    panel.place(row, line.at);
    if (isNews && line.by !== 'visitor') panel.announce(`${speakerOf(line, this.words)}: ${line.text}`);
    if (line.by !== 'visitor' && !isOld && line.seq > (this.memory.get('seen') || 0)) this.unread += 1;
  }

  took(line, isNews) {
    this.heard = Math.max(this.heard, line.seq);
    this.typing(false);
    // The house says it in a line of its own; where a person simply begins to write, the page says it.
    if (line.owner !== this.owner && isNews && line.by !== 'house') {
      const text = line.owner === 'staff' ? this.words.joined(line.name) : this.words.left;
      this.panel.event(text, line.at);
      this.panel.announce(text);
    }
    this.owner = line.owner;
    this.ownerName = line.name || (line.owner === 'staff' ? this.ownerName : '');
    this.greet();
  }

  async earlier() {
    const page = await this.wire.ask('history', { before: this.first }).catch(() => null);
    if (!page) return;
    const { log } = this.panel;
    const fromEnd = log.scrollHeight - log.scrollTop;
    for (const line of page.lines) this.add(line, false, true);
    if (page.lines.length) this.first = page.lines[0].seq;
    this.panel.older.hidden = !page.more;
    log.scrollTop = log.scrollHeight - fromEnd;
  }

  greet() {
    const { words, panel } = this;
    if (this.connection === 'connecting' || this.connection === 'offline') panel.says(words[this.connection], this.connection);
    else panel.says(this.owner === 'staff' ? words.staff(this.ownerName) : words.bot, this.owner);
  }

  typing(on) {
    clearTimeout(this.typingEnds);
    this.panel.dots.hidden = !on || this.owner === 'staff';
    if (!on) return;
    this.typingEnds = setTimeout(() => this.typing(false), TYPING_LIMIT_MS);
    if (this.panel.isAtEnd || this.panel.pill.hidden) this.panel.toEnd();
  }

  count() {
    if (this.panel.isOpen && !document.hidden) this.read();
    else this.panel.unread(this.unread);
  }

  read() {
    this.unread = 0;
    this.panel.unread(0);
    if (this.newest) this.memory.set('seen', Math.max(this.newest, this.memory.get('seen') || 0));
  }
}

function begin() {
  if (!document.querySelector(`[data-huiying="${CSS.escape(SETTINGS.account)}"]`)) new Chat();
}

if (document.body) begin();
else addEventListener('DOMContentLoaded', begin);
