// What the tests do on JupyterLab's page; `Page` in lab.py calls it.

window.inPage = (() => {
  const panel = () => window.jupyterapp?.shell.currentWidget;
  const kernel = () => panel().sessionContext.session.kernel;
  const outputs = () =>
    [...panel().content.model.cells].flatMap((cell) => cell.outputs?.toJSON() ?? []);

  return {
    hasRun: false,

    isReady() {
      const session = panel()?.sessionContext;
      return Boolean(session?.isReady && session.session?.kernel && panel().content.model);
    },

    runAll() {
      this.hasRun = false;
      const done = () => (this.hasRun = true);
      window.jupyterapp.commands.execute("notebook:run-all-cells").then(done, done);
    },

    save: () => panel().context.save(),
    shutDown: () => panel().sessionContext.shutdown(),

    models: () =>
      outputs()
        .map((output) => output.data?.["application/vnd.jupyter.widget-view+json"])
        .filter(Boolean)
        .map((view) => view.model_id),

    numPainted: () => document.querySelectorAll(".course-film canvas[data-frame]").length,

    async execute(code) {
      let printed = "";
      const future = kernel().requestExecute({ code, store_history: false });
      future.onIOPub = ({ header, content }) => {
        if (header.msg_type === "stream") printed += content.text;
        if (header.msg_type === "error") printed += content.traceback.join("\n");
      };
      await future.done;
      return printed;
    },

    async see(film, alt, seconds) {
      const canvas = film.querySelector("canvas");
      const end = performance.now() + 1000 * seconds;
      while (canvas.ariaLabel !== alt && performance.now() < end) {
        await new Promise(requestAnimationFrame);
      }
      const pen = canvas.getContext("2d");
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
      const digest = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
      return [digest, film.querySelector("output").value, canvas.ariaLabel];
    },
  };
})();
