// The button in the corner and the panel above it: what is seen, where the focus is, what is read aloud.
const CHAT = 'M4 4h16a1 1 0 0 1 1 1v11a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z';
const CROSS = 'M6 6l12 12M18 6L6 18';
const CLIP = 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01';
const PAUSE_S = 300;
const NEAR_END_PX = 60;

class Panel {
  constructor(settings, words, language, theme) {
    this.settings = settings;
    this.words = words;
    this.language = language;
    this.rows = new Map();
    this.host = el('div', { 'data-huiying': settings.account, lang: language === 'zh' ? 'zh-CN' : 'en' });
    if (theme) this.host.setAttribute('data-theme', theme);
    this.root = this.host.attachShadow({ mode: 'open' });
    this.build();
    this.dress();
    document.body.append(this.host);
  }

  // A constructed sheet is not subject to the page's style-src; without it the sheet is an element.
  dress() {
    this.host.style.setProperty('--accent', this.settings.accent);
    this.host.style.setProperty('--accent-ink', this.settings.accentInk);
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.root.adoptedStyleSheets = [sheet];
    } catch {
      this.root.prepend(el('style', {}, STYLE));
    }
  }

  build() {
    const { words, settings, language } = this;
    this.badge = el('span', { class: 'badge', hidden: true });
    this.launcher = el(
      'button',
      { class: 'launcher', type: 'button', 'aria-expanded': 'false', 'aria-controls': 'panel', 'aria-label': words.open },
      icon(CHAT), this.badge,
    );
    this.status = el('p', { class: 'status', id: 'status' });
    this.closer = el('button', { class: 'plain', type: 'button', 'aria-label': words.close }, icon(CROSS));
    const title = el('h2', { id: 'title' }, settings.title[language] || settings.title.zh);
    this.bar = el('header', {}, el('div', {}, title, this.status), this.closer);
    this.older = el('button', { class: 'older', type: 'button', hidden: true }, words.older);
    this.welcome = el('p', { class: 'welcome' }, settings.greeting[language] || settings.greeting.zh);
    this.list = el('ol', { class: 'lines' });
    this.dots = el('p', { class: 'dots', hidden: true, role: 'img', 'aria-label': words.typing }, el('i'), el('i'), el('i'));
    this.log = el(
      'div', { class: 'log', role: 'log', 'aria-live': 'off', 'aria-label': words.log, tabindex: '0' },
      this.older, this.welcome, this.list, this.dots,
    );
    this.pill = el('button', { class: 'pill', type: 'button', hidden: true }, words.news);
    this.remark = el('p', { class: 'remark', id: 'remark', role: 'alert' });
    this.field = el('textarea', {
      rows: '1', 'aria-label': words.field, placeholder: words.hint, 'aria-describedby': 'remark', enterkeyhint: 'send',
    });
    this.chooser = el('input', { type: 'file', accept: 'image/png,image/jpeg,image/gif,image/webp', hidden: true });
    this.clip = el('button', { class: 'plain', type: 'button', 'aria-label': words.picture, hidden: !settings.pictures }, icon(CLIP));
    this.submit = el('button', { class: 'send', type: 'submit' }, words.send);
    this.form = el('form', {}, this.clip, this.chooser, this.field, this.submit);
    this.aloud = el('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
    this.panel = el(
      'section', { class: 'panel', id: 'panel', role: 'dialog', 'aria-labelledby': 'title', 'aria-describedby': 'status', hidden: true },
      this.bar, this.log, this.pill, this.remark, this.form,
    );
    this.root.append(this.launcher, this.panel, this.aloud);
    this.listen();
  }

  listen() {
    this.launcher.addEventListener('click', () => (this.isOpen ? this.close() : this.open()));
    this.closer.addEventListener('click', () => this.close());
    this.panel.addEventListener('keydown', (event) => this.key(event));
    this.field.addEventListener('input', () => this.fit());
    this.log.addEventListener('scroll', () => { if (this.isAtEnd) this.pill.hidden = true; });
    this.pill.addEventListener('click', () => { this.toEnd(); this.field.focus(); });
  }

  key(event) {
    if (event.key === 'Escape' && !event.isComposing) this.close();
    if (event.key !== 'Tab' || !this.isFull) return;
    // Full screen is modal: the focus goes round inside.
    const [edge, other] = event.shiftKey ? [this.closer, this.submit] : [this.submit, this.closer];
    if (this.root.activeElement !== edge) return;
    event.preventDefault();
    other.focus();
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  get isFull() {
    return matchMedia('(max-width: 480px)').matches;
  }

  get isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_END_PX;
  }

  // `calmly`: the page opens it by itself and keeps the focus where it is.
  open(calmly = false) {
    this.panel.hidden = false;
    this.panel.setAttribute('aria-modal', String(this.isFull));
    this.launcher.setAttribute('aria-expanded', 'true');
    this.host.setAttribute('data-open', '');
    this.unread(0);
    this.fit();
    this.toEnd();
    // On a touch screen the keyboard would cover what there is to read.
    if (!calmly) (matchMedia('(pointer: coarse)').matches ? this.closer : this.field).focus();
    this.opened();
  }

  close() {
    this.panel.hidden = true;
    this.launcher.setAttribute('aria-expanded', 'false');
    this.host.removeAttribute('data-open');
    this.launcher.focus();
    this.closed();
  }

  opened() {}

  closed() {}

  // The field grows with its text, up to what the style allows.
  fit() {
    this.field.style.height = 'auto';
    this.field.style.height = `${this.field.scrollHeight + 2}px`;
  }

  unread(count) {
    this.badge.hidden = !count;
    this.badge.textContent = count > 99 ? '99+' : String(count || '');
    const { open, unread } = this.words;
    this.launcher.setAttribute('aria-label', count ? `${open}, ${unread(count)}` : open);
  }

  says(text, kind) {
    if (this.status.textContent !== text) this.status.textContent = text;
    this.bar.setAttribute('data-state', kind);
  }

  // Read by screen readers, seen by nobody.
  announce(text) {
    this.aloud.append(el('p', {}, text));
    while (this.aloud.childElementCount > 5) this.aloud.firstChild.remove();
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.pill.hidden = true;
  }

  // Puts a line where its time says; one that is not sent yet stays below everything.
  place(row, at) {
    row.at = at;
    let next = null;
    for (let one = this.list.lastElementChild; one && (one === row || one.at > at); one = one.previousElementSibling) {
      if (one !== row) next = one;
    }
    if (row.parentNode !== this.list || row.nextElementSibling !== next) this.list.insertBefore(row, next);
    const before = row.previousElementSibling;
    const from = before && Number.isFinite(before.at) ? before.at : 0;
    if (Number.isFinite(at) && at - from > PAUSE_S && !(before && before.matches('.pause'))) {
      const pause = el('li', { class: 'pause' }, el('time', { datetime: new Date(at * 1000).toISOString() }, clockTime(at, this.language)));
      pause.at = at;
      this.list.insertBefore(pause, row);
    }
    this.welcome.hidden = this.list.childElementCount > 0;
  }

  event(text, at) {
    this.place(el('li', { class: 'event' }, text), at);
  }
}
