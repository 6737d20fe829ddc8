/* Keeps a page up to date without reloading it.
 *
 * <div data-live="/searches/7/live/" data-live-version="12" data-live-interval="2000">
 *
 * asks <url>?since=<version> every interval: 204, nothing changed; 200, an HTML fragment to apply and its version in X-Version; 286, the
 * same and it was the last. Stops asking while the tab is hidden, waits longer and longer when the server is away, and says so on the page.
 * A part of the page with a version of its own, <div id="search-data" data-live-part="40-2">, is named in the question as well, so that the
 * server can leave it out of the answer.
 * Fires "live:update" on the element after each change. */
import { apply } from './morph.js';
import { localTimes } from './shell.js';

const LONGEST = 30_000;

class Watch {
  constructor(element) {
    this.element = element;
    this.interval = Number(element.dataset.liveInterval) || 2000;
    this.failures = 0;
    this.good = Date.now();
    this.onVisible = () => (document.hidden ? this.pause() : this.ask());
    document.addEventListener('visibilitychange', this.onVisible);
    if (!document.hidden) this.later(this.interval);
  }

  later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), wait);
  }

  pause() {
    clearTimeout(this.timer);
    clearInterval(this.ticker);
    this.request?.abort();
  }

  stop() {
    this.pause();
    document.removeEventListener('visibilitychange', this.onVisible);
    this.notice?.remove();
  }

  async ask() {
    if (!this.element.isConnected) return this.stop();
    clearTimeout(this.timer);
    clearInterval(this.ticker);
    this.request?.abort();
    const request = this.request = new AbortController();
    const url = new URL(this.element.dataset.live, location.href);
    url.searchParams.set('since', this.element.dataset.liveVersion ?? '');
    for (const part of this.element.querySelectorAll('[data-live-part]')) url.searchParams.set(part.id, part.dataset.livePart);
    try {
      const response = await fetch(url, {
        signal: AbortSignal.any([request.signal, AbortSignal.timeout(20_000)]), headers: { 'X-Requested-With': 'fetch' }, cache: 'no-store',
      });
      if (response.redirected) return this.signedOut(response.url);
      if (!response.ok) throw new Error(`The server answered ${response.status}.`);
      const html = response.status === 204 ? '' : await response.text();
      this.reached();
      if (html) this.update(html, response.headers.get('X-Version'));
      return response.status === 286 ? this.stop() : this.later(this.interval);
    } catch (error) {
      return request.signal.aborted ? undefined : this.missed(error);
    }
  }

  update(html, version) {
    apply(html);
    localTimes(document);
    if (version !== null) this.element.dataset.liveVersion = version;
    this.element.dispatchEvent(new CustomEvent('live:update', { bubbles: true, detail: { version } }));
  }

  reached() {
    this.failures = 0;
    this.good = Date.now();
    this.notice?.remove();
    this.notice = null;
  }

  missed(error) {
    const wait = Math.min(LONGEST, this.interval * 2 ** this.failures++);
    const again = Date.now() + wait;
    const say = () => this.say(error, Math.max(0, Math.round((again - Date.now()) / 1000)));
    say();
    this.ticker = setInterval(say, 1000);
    this.later(wait);
  }

  say(error, seconds) {
    this.notice ??= this.makeNotice();
    const away = Math.round((Date.now() - this.good) / 1000), at = new Date(this.good).toLocaleTimeString('en-GB');
    const reason = error.message?.startsWith('The server answered') ? error.message : 'The server does not answer.';
    this.tell('Live updates stopped.', ` ${reason} What you see is from ${at}, ${away} s ago. Trying again in ${seconds} s.`);
  }

  /* only the first sentence is announced; the seconds would be read out without end */
  tell(what, more) {
    const [first, second] = this.notice.querySelector('p').children;
    if (first.textContent !== what) first.textContent = what;
    second.textContent = more;
  }

  makeNotice(button = 'Try now', action = () => this.ask()) {
    const notice = document.createElement('div'), text = document.createElement('p'), again = document.createElement('button');
    notice.className = 'notice warn offline';
    text.append(document.createElement('b'), document.createElement('span'));
    text.firstChild.setAttribute('role', 'status');
    again.className = 'btn sm';
    again.type = 'button';
    again.textContent = button;
    again.addEventListener('click', action);
    notice.append(document.createElement('i'), text, again);
    document.querySelector('main')?.prepend(notice);
    return notice;
  }

  signedOut(url) {
    this.stop();
    this.notice = this.makeNotice('Sign in', () => location.assign(url));
    this.tell('You are signed out.', ' Live updates stopped; sign in to go on.');
  }
}

const watches = new Map();
export function watchAll(root = document) {
  for (const element of root.querySelectorAll('[data-live]')) if (!watches.has(element)) watches.set(element, new Watch(element));
}
watchAll();
