// Texts and numbers in the language of the page, which brings its texts along: `data-texts`, a JSON object.
const { lang } = document.documentElement;
const texts: Record<string, string> = JSON.parse(document.querySelector<HTMLElement>("[data-texts]")!.dataset.texts!);
const units = ["B", "KB", "MB", "GB", "TB"];
const [whole, tenths] = [0, 1].map((maximumFractionDigits) => new Intl.NumberFormat(lang, { maximumFractionDigits })) as [Intl.NumberFormat, Intl.NumberFormat];

/** A text with its placeholders filled in. */
export function text(key: string, ...values: string[]): string {
  return texts[key]!.replace(/\{(\d)\}/g, (_, index) => values[index]!);
}

/** The form of a text for so many. */
export function countText(key: string, count: number): string {
  return text(count === 1 ? `${key}.One` : key, whole.format(count));
}

/** Why the server refused, as far as there are words for its code. */
export function refusalText(code: string, message: string): string {
  const key = `Sending.Refused.${code}`;
  return key in texts ? text(key) : text("Sending.Refused", message);
}

/** As the server writes sizes: decimal units, three digits. */
export function byteText(bytes: number): string {
  let unit = 0;
  for (; bytes >= 999.5 && unit < units.length - 1; unit++) bytes /= 1000;
  return `${(bytes >= 99.5 || unit === 0 ? whole : tenths).format(bytes)} ${units[unit]}`;
}

/** An estimate, no more exact than it can be. */
export function timeLeft(seconds: number): string {
  return text("Time.Left", duration(seconds));
}

function duration(seconds: number): string {
  if (seconds < 10) return text("Time.FewSeconds");
  if (seconds < 55) return text("Time.Seconds", whole.format(Math.ceil(seconds / 10) * 10));
  if (seconds < 3300) return countText("Time.Minutes", Math.round(seconds / 60));
  return countText("Time.Hours", Math.round(seconds / 3600));
}
