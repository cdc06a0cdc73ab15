// What a web developer writes. The tests call ask() once they have seen what the page fetched before.
import { Pali3 } from "pali3";

globalThis.ask = async (options, prompt) => {
  const model = await Pali3.load("/models/pali3-tiny-q4/", options);
  const image = await model.encodeImage("/samples/scene-1.png");
  const { text } = await model.generate({ image, prompt });
  const { device, worker } = model;
  await model.dispose();
  return { text, device, worker };
};
