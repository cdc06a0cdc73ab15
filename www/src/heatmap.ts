// Where the model looked, drawn over the picture: the less a patch counted, the darker the veil over it.

/** Shares of the patches, row by row from the top. */
export interface Heat {
  shares: Float32Array;
  rows: number;
  columns: number;
}

/** How dark the veil is where nothing was looked at. */
const DARKEST = 0.68;
/** Longest edge of the drawing in pixels; it is enlarged smoothly. */
const SIZE = 512;

/** Averages several maps of one grid. */
export function average(maps: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(maps[0]?.length ?? 0);
  for (const map of maps) map.forEach((share, patch) => (mean[patch] = (mean[patch] ?? 0) + share / maps.length));
  return mean;
}

/** The patch with the largest share. */
export function hottest({ shares, columns }: Heat): { row: number; column: number } {
  let best = 0;
  shares.forEach((share, patch) => {
    if (share > (shares[best] ?? 0)) best = patch;
  });
  return { row: Math.floor(best / columns), column: best % columns };
}

/** Where that patch is, for those who do not see it: "upper left", "middle". */
export function place(heat: Heat): string {
  const { row, column } = hottest(heat);
  const third = (position: number, of: number) => Math.min(2, Math.floor(((position + 0.5) / of) * 3));
  const vertical = ["upper", "", "lower"][third(row, heat.rows)] ?? "";
  const sideways = ["left", "", "right"][third(column, heat.columns)] ?? "";
  if (vertical === "" && sideways === "") return "middle";
  if (sideways === "") return vertical === "upper" ? "top" : "bottom";
  return vertical === "" ? `${sideways} side` : `${vertical} ${sideways}`;
}

/** Draws the map on a canvas of the picture's proportions. `null` removes it. */
export function draw(canvas: HTMLCanvasElement, heat: Heat | null, aspect: number): void {
  canvas.hidden = heat === null;
  if (heat === null) return;
  const { shares, rows, columns } = heat;
  const most = shares.reduce((a, b) => Math.max(a, b), 0) || 1;
  const veil = new ImageData(columns, rows);
  shares.forEach((share, patch) => {
    veil.data[patch * 4 + 3] = Math.round(255 * DARKEST * (1 - share / most));
  });
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d")?.putImageData(veil, 0, 0);

  canvas.width = Math.round(aspect >= 1 ? SIZE : SIZE * aspect);
  canvas.height = Math.round(aspect >= 1 ? SIZE / aspect : SIZE);
  const context = canvas.getContext("2d");
  if (context === null) return;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}
