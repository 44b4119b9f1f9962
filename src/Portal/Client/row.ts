import type { Progress } from "../../../clients/upload/src/index.js";
import { byteText, text, timeLeft } from "./text.js";

/** One file in the guest's list. */
export class Row {
  readonly #item = document.createElement("li");
  readonly #bar = document.createElement("progress");
  readonly #state = document.createElement("span");
  readonly #back = document.createElement("button");
  hasFailed = false;

  constructor(list: HTMLElement, readonly name: string, sizeBytes: number) {
    const label = document.createElement("span");
    label.textContent = name;
    label.className = "name";
    this.#state.className = "note";
    this.#bar.max = Math.max(sizeBytes, 1);
    this.#bar.value = 0;
    this.#bar.setAttribute("aria-label", name);
    this.#back.type = "button";
    this.#back.textContent = text("Sending.TakeBack");
    this.#back.setAttribute("aria-label", text("Sending.TakeBackName", name));
    this.#item.append(label, this.#state, this.#bar, this.#back);
    list.append(this.#item);
  }

  /** What the button does; without one there is no button. */
  onTakeBack(action: (() => void) | null): void {
    this.#back.hidden = action === null;
    this.#back.onclick = action;
  }

  show({ sentBytes, bytesPerSecond, secondsLeft }: Progress): void {
    this.#bar.value = sentBytes;
    this.#state.textContent = bytesPerSecond ? `${byteText(bytesPerSecond)}/s, ${timeLeft(secondsLeft ?? 0)}` : "";
  }

  arrived(sizeBytes: number): void {
    this.#bar.hidden = true;
    this.#say(text("Sending.FileArrived", byteText(sizeBytes)), true);
  }

  failed(reason: string): void {
    this.hasFailed = true;
    this.#say(reason, false);
  }

  remove(): void {
    this.#item.remove();
  }

  #say(state: string, good: boolean): void {
    this.#state.textContent = state;
    this.#state.classList.toggle("bad", !good);
  }
}
