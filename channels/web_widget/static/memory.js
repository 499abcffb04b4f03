// What the browser remembers of this widget: the token, what is not sent yet, a draft, what has been read.
// Storage may be forbidden (private windows, strict settings): then it lasts as long as the page.
function memoryNamed(key) {
  let kept = {};

  function read() {
    try {
      kept = JSON.parse(localStorage.getItem(key) || '{}') || {};
    } catch {
      // What cannot be read is begun anew; what this page knows stays.
    }
    return kept;
  }

  return {
    get: (name) => read()[name],
    set(name, value) {
      read();
      kept[name] = value;
      try {
        localStorage.setItem(key, JSON.stringify(kept));
      } catch {
        // Full or forbidden.
      }
    },
  };
}

function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (one) => one.toString(16).padStart(2, '0')).join('');
}
