// A one-time link: its secret goes from the address into the form, and out of the address.

const form = document.querySelector("[data-link]");
const secret = location.hash.slice(1);
if (form && secret) {
  form.querySelector("[name=secret]").value = secret;
  form.querySelector("[data-link-field]").hidden = true;
  history.replaceState(null, "", location.pathname);
}
