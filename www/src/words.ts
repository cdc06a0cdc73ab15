// Numbers in words. Number and unit are joined by a space that does not break.

/** 671848 → "0.67 MB". */
export function bytes(count: number): string {
  if (count < 1e3) return `${count}\u00a0bytes`;
  if (count < 1e5) return `${(count / 1e3).toFixed(0)}\u00a0kB`;
  if (count < 1e9) return `${(count / 1e6).toPrecision(count < 1e7 ? 2 : 3)}\u00a0MB`;
  return `${(count / 1e9).toFixed(2)}\u00a0GB`;
}

/** Milliseconds → "3.4 ms", "250 ms", "1.2 s", "4 min". */
export function duration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)}\u00a0ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)}\u00a0ms`;
  if (milliseconds < 120_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 1 : 0)}\u00a0s`;
  return `${Math.round(milliseconds / 60_000)}\u00a0min`;
}

/** 0.123 → "12 %"; what is small stays visible. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return "below 0.1\u00a0%";
  if (share > 0.999 && share < 1) return "above 99.9\u00a0%";
  const extreme = share > 0 && share < 1 && (share < 0.1 || share > 0.99);
  return `${(share * 100).toFixed(extreme ? 1 : 0)}\u00a0%`;
}

/** 1196544 → "1.2 million". */
export function count(number: number): string {
  if (number >= 1e9) return `${(number / 1e9).toFixed(1)}\u00a0billion`;
  if (number >= 1e6) return `${(number / 1e6).toFixed(1)}\u00a0million`;
  return number.toLocaleString("en");
}
