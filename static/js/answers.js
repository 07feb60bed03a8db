// A request that fails must not leave a switch in a state that was never saved.
const failed = (event) => {
    const form = event.detail.elt.closest("form");
    if (form) form.reset();
    document.getElementById("no-answer").hidden = false;
};
document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:responseError", failed);
