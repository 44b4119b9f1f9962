const units = ["B", "KB", "MB", "GB", "TB"];

/** As the server writes sizes: decimal units, three digits. */
export function byteText(bytes: number): string {
  let unit = 0;
  for (; bytes >= 999.5 && unit < units.length - 1; unit++) bytes /= 1000;
  return `${Number(bytes.toFixed(bytes >= 99.5 || unit === 0 ? 0 : 1))} ${units[unit]}`;
}

/** An estimate, no more exact than it can be. */
export function timeLeft(seconds: number): string {
  if (seconds < 10) return "a few seconds";
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} seconds`;
  if (seconds < 90) return "about a minute";
  if (seconds < 3300) return `about ${Math.round(seconds / 60)} minutes`;
  if (seconds < 5400) return "about an hour";
  return `about ${Math.round(seconds / 3600)} hours`;
}
