// Fetch the page anew every two seconds and put its contents in place of the old ones.
"use strict";

const lost = document.getElementById("lost");
const TIMEOUT_MS = 5000;
const SELECTED_MS = 30000;
let shown = Date.now();

async function refresh() {
	if (document.hidden)
		return;
	try {
		const answer = await fetch(location.href,
			{ cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
		if (!answer.ok)
			throw new Error(answer.status);
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const main = page.querySelector("main");
		if (main === null) // somebody else's page, such as one to log in
			throw new Error(page.title);
		lost.hidden = true;
		document.title = page.title;
		// Who has marked something wants to copy it; but nobody is shown old numbers for long.
		if (!document.getSelection().isCollapsed && Date.now() - shown < SELECTED_MS)
			return;
		const scrolled = document.querySelector(".scroll").scrollLeft;
		document.querySelector("main").replaceWith(main);
		document.querySelector(".scroll").scrollLeft = scrolled;
		shown = Date.now();
	} catch {
		lost.hidden = false;
	}
}

(async () => {
	for (;;) {
		await new Promise(wake => setTimeout(wake, 2000));
		await refresh();
	}
})();
