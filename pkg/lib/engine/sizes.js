// @ts-check
// How large a folder's files are, asked before the crate reads any of them and while its module is still on its way: a load
// tells at once how much there is, and whether there is room to store it.
// Which files a folder has to have, and what an index may say, is the crate's to judge (its folder and index modules): here
// are only the names of what it will read. A test holds them against what it does read.

/** Files that a folder may have, beside its weights. */
const SMALL = ["config.json", "preprocessor_config.json", "generation_config.json", "tokenizer.json"];
const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";
/** Shards asked for their size at a time: browsers open no more connections, and Node takes more waiting for one signal for a leak. */
const AT_ONCE = 6;

/**
 * Bytes of every file that a load will read, from what the source tells beforehand.
 * @param {any} folder
 * @returns {Promise<Map<string, number>>}
 */
export async function fileSizes(folder) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  /** @param {string} file */
  const look = async (file) => {
    const size = await folder.size(file);
    if (size !== null) sizes.set(file, size);
    return size !== null;
  };
  const [indexed] = await Promise.all([INDEX, ...SMALL].map(look));
  if (!indexed) {
    await look(SINGLE);
    return sizes;
  }
  const left = mentioned(await folder.read(INDEX)).values();
  const looking = async () => {
    for (const file of left) await look(file);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, looking));
  return sizes;
}

/** Files that an index mentions; none where it is no index, which the crate says in better words. @param {Uint8Array} bytes */
function mentioned(bytes) {
  try {
    const { weight_map } = JSON.parse(new TextDecoder().decode(bytes));
    return [...new Set(Object.values(weight_map))].filter((file) => typeof file === "string");
  } catch {
    return [];
  }
}
