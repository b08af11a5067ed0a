// The focus goes to what went wrong, or to what a fragment asks for.
document.addEventListener("htmx:after:swap", focus);
document.addEventListener("DOMContentLoaded", focus);
function focus() {
  const wanted = document.querySelector("[data-autofocus]");
  if (wanted) {
    wanted.removeAttribute("data-autofocus");
    wanted.focus();
  }
}
// "Are you sure?" only where it cannot be taken back; the question stands in the page, so it is translated.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    if (dialog && dialog.showModal) {
      event.preventDefault();
      dialog.showModal();
    }
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) closer.closest("dialog").close();
});
