/* Browsers start no workers from pages that are opened as files. There, this class runs the script of the
   search in a hidden frame. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.documentElement.appendChild(this.frame);
      const page = this.frame.contentWindow;
      page.parent = { postMessage: (data) => this.answer(data) };
      page.postMessage = (data) => this.answer(data);
      page.importScripts = (...urls) => Promise.all(urls.map((each) => this.load(page, each)));
      this.load(page, url).then(() => {
        this.ready = true;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      });
    }
    load(page, url) {
      return new Promise((resolve, reject) => {
        const script = page.document.createElement("script");
        script.src = new URL(url, location.href).href;
        script.onload = resolve;
        script.onerror = reject;
        page.document.documentElement.appendChild(script);
      });
    }
    answer(data) {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      if (this.onmessage) this.onmessage(event);
    }
    postMessage(data) {
      if (!this.ready) return this.waiting.push(data);
      const page = this.frame.contentWindow;
      page.dispatchEvent(new page.MessageEvent("message", { data }));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
