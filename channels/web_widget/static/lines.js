// From a line to what is seen of it. Words become text nodes and nothing else: no markup is ever read from them.
const LINK = /\[([^[\]\n]{1,200})\]\((https?:\/\/[^\s()<>]+)\)|https?:\/\/[^\s<>"'\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+/gi;
const SVG = 'http://www.w3.org/2000/svg';

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

function icon(path) {
  const made = document.createElementNS(SVG, 'svg');
  made.setAttribute('viewBox', '0 0 24 24');
  made.setAttribute('aria-hidden', 'true');
  const drawn = document.createElementNS(SVG, 'path');
  drawn.setAttribute('d', path);
  made.append(drawn);
  return made;
}

function safeAddress(text) {
  try {
    const address = new URL(text);
    return /^https?:$/.test(address.protocol) && !address.username ? address.href : '';
  } catch {
    return '';
  }
}

function linkTo(address, shown, words) {
  const names = { href: address, target: '_blank', rel: 'noopener noreferrer nofollow', title: address + words.newTab };
  return el('a', names, shown);
}

// Text with its links made clickable. `named` also reads [words](address), which only our own side writes.
function withLinks(text, words, named) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(LINK)) {
    const tail = found[1] ? '' : (/[.,;:!?)\]}]+$/.exec(found[0]) || [''])[0];
    const shown = found[1] && !named ? '' : found[1] || found[0].slice(0, found[0].length - tail.length);
    const address = shown && safeAddress(found[2] || shown);
    if (!address) continue;
    parts.push(text.slice(from, found.index));
    // Words that look like an address of their own must not hide another one.
    const honest = found[1] && /[./]/.test(found[1]) ? found[2] : shown;
    parts.push(linkTo(address, honest, words), tail);
    from = found.index + found[0].length;
  }
  parts.push(text.slice(from));
  return parts.filter((one) => one !== '');
}

function cardOf(card) {
  const rows = (card.rows || []).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
  const note = card.note ? el('p', { class: 'note' }, card.note) : null;
  return el('div', { class: 'card' }, el('strong', {}, card.title), el('dl', {}, ...rows), note);
}

function pictureOf(line, words, fetchPicture) {
  const image = el('img', { alt: words.pictureShown });
  const holder = el('span', { class: 'picture' }, image);
  // The address of a picture would hold a secret: it is fetched by a call and shown from memory.
  fetchPicture(line).then(
    (blob) => { image.src = URL.createObjectURL(blob); },
    () => holder.replaceChildren(words.pictureGone),
  );
  image.addEventListener('load', () => URL.revokeObjectURL(image.src));
  image.addEventListener('error', () => holder.replaceChildren(`[${words.pictureShown}]`));
  return holder;
}

function bubbleOf(line, words, fetchPicture) {
  if (line.kind === 'card' && line.card) return el('div', { class: 'bubble' }, cardOf(line.card));
  if (line.kind === 'picture') return el('div', { class: 'bubble' }, pictureOf(line, words, fetchPicture));
  return el('div', { class: 'bubble', dir: 'auto' }, ...withLinks(line.text, words, line.by !== 'visitor'));
}

function speakerOf(line, words) {
  if (line.by === 'visitor') return words.byMe;
  return line.by === 'staff' ? words.byStaff(line.name) : words.byBot;
}

function lineOf(line, words, fetchPicture) {
  const mine = line.by === 'visitor';
  const head = el('span', { class: mine ? 'who unseen' : 'who' }, speakerOf(line, words));
  const made = el('li', { class: `line ${line.by}`, 'data-id': line.id }, head, bubbleOf(line, words, fetchPicture));
  if (mine) made.append(el('span', { class: 'fate' }));
  return made;
}

function clockTime(at, language) {
  const then = new Date(at * 1000);
  const today = then.toDateString() === new Date().toDateString();
  const day = today ? {} : { month: 'numeric', day: 'numeric' };
  return then.toLocaleString(language === 'zh' ? 'zh-CN' : 'en', { ...day, hour: '2-digit', minute: '2-digit' });
}
