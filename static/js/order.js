// The order of a list: arrow keys on a rule's buttons, and dragging. Both send forms
// that work without scripts too; the server decides what may move where.
(() => {
    let held = null;
    const rows = (list) => [...list.querySelectorAll(":scope > li")];
    const clear = () => {
        for (const row of document.querySelectorAll(".order .above, .order .below")) row.classList.remove("above", "below");
    };
    const over = (event) => {
        const row = event.target.closest?.(".order > li");
        return held && row && row.parentElement === held.parentElement ? row : null;
    };
    const below = (event, row) => {
        const box = row.getBoundingClientRect();
        return event.clientY > box.top + box.height / 2;
    };
    const begin = () => {
        for (const row of document.querySelectorAll(".order > .ours")) row.draggable = true;
    };
    document.addEventListener("keydown", (event) => {
        const up = event.key === "ArrowUp";
        const form = event.target.closest?.(".steps-of");
        if (!form || (!up && event.key !== "ArrowDown")) return;
        event.preventDefault();
        const button = form.querySelector(`[value=${up ? "up" : "down"}]`);
        button.focus();
        button.click();
    });
    document.addEventListener("dragstart", (event) => {
        held = event.target.closest?.(".order > .ours");
        if (!held) return;
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", held.dataset.key);
        held.classList.add("held");
    });
    document.addEventListener("dragover", (event) => {
        const row = over(event);
        clear();
        if (!row) return;
        event.preventDefault();
        row.classList.add(below(event, row) ? "below" : "above");
    });
    document.addEventListener("drop", (event) => {
        const row = over(event);
        if (!row) return;
        event.preventDefault();
        const list = row.parentElement;
        const others = rows(list).filter((each) => each !== held);
        const from = rows(list).indexOf(held);
        const to = row === held ? from : others.indexOf(row) + (below(event, row) ? 1 : 0);
        if (to === from) return;
        const form = document.getElementById("drop");
        const told = { list: list.dataset.list, key: held.dataset.key, to, seen: list.dataset.seen };
        for (const [name, value] of Object.entries(told)) form.elements[name].value = value;
        form.requestSubmit();
    });
    document.addEventListener("dragend", () => {
        held?.classList.remove("held");
        held = null;
        clear();
    });
    document.addEventListener("htmx:afterSettle", begin);
    begin();
})();
