// @ts-check
import { Channel } from "../link/channel.js";
import { Engine } from "./engine.js";

/**
 * Puts an engine behind a port.
 * @param {import("../link/channel.js").Port} port
 */
export function serveEngine(port) {
  const engine = new Engine((method, args, options) => channel.call(method, args, options));
  const channel = new Channel(port, {
    load: (args, context) => engine.load(args, context),
    encodeImage: (args, context) => engine.encodeImage(args, context),
    imageBytes: (args) => engine.imageBytes(args),
    releaseImage: (args) => engine.releaseImage(args),
    generate: (args, context) => engine.generate(args, context),
    score: (args, context) => engine.score(args, context),
    attention: (args, context) => engine.attention(args, context),
    embed: (args, context) => engine.embed(args, context),
    warmup: (_, context) => engine.warmup(context),
    selfTest: (_, context) => engine.selfTest(context),
    memory: () => engine.memory(),
    dispose: () => engine.dispose(),
  });
  return {
    /** @param {import("../errors.js").Pali3Error} error */
    end(error) {
      channel.close(error);
      void engine.dispose();
    },
  };
}
