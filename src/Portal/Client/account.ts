// Passkeys. `<form data-passkey="create|get" data-options="URL">`: before it is sent, the browser makes or asks for a credential by the options from that
// address, and the form's field Credential brings it.
import { text } from "./text.js";

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) {
  // Browsers older than 2025 lack the reading of options; IP addresses are no domains of passkeys.
  form.hidden = !window.PublicKeyCredential?.parseCreationOptionsFromJSON || /^[\d.]+$|:/.test(location.hostname);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const notice = form.querySelector<HTMLElement>("[data-passkey-notice]")!;
    notice.hidden = true;
    try {
      const credential = await ask(form.dataset.passkey!, form.dataset.options!);
      form.querySelector<HTMLInputElement>("[name=Credential]")!.value = JSON.stringify(credential);
      form.submit(); // does not come back here
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      notice.textContent = text(error.name === "InvalidStateError" ? "Asking.Known" : "Asking.None");
      notice.hidden = false;
    }
  });
}

async function ask(kind: string, optionsUrl: string): Promise<unknown> {
  const answer = await fetch(optionsUrl, { method: "POST" });
  if (!answer.ok) throw new DOMException("The server refused.");
  const options = await answer.json();
  const credential =
    kind === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  return (credential as PublicKeyCredential).toJSON();
}
