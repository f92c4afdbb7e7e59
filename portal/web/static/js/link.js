// A one-time link: its secret goes from the address into the form, and out of the address.

const form = document.querySelector("[data-link]");

function take() {
  const secret = location.hash.slice(1);
  if (!secret) return;
  // A page that says how an earlier link ended has no form: another link begins anew.
  if (!form) return location.replace(`${location.pathname}?again${location.hash}`);
  form.querySelector("[name=secret]").value = secret;
  form.querySelector("[data-link-field]").hidden = true;
  history.replaceState(null, "", location.pathname);
  return undefined;
}

take();
addEventListener("hashchange", take); // pasted into a window that shows this page already
