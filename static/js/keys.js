// “g” and a letter go to a page; “?” lists the keys.
const pages = { d: "/", p: "/protection/", r: "/review/", h: "/history/" };
let going = false;
document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, textarea, select")) return;
    if (going && pages[event.key]) window.location.assign(pages[event.key]);
    going = event.key === "g";
    if (event.key === "?") {
        window.alert("g d dashboard · g p protection · g r review · g h history");
    }
});
