((js, wasm) => {
	const children = [];
	const wake = async (el, mod) => {
		const island = mod[el.dataset.component];
		if (!island) return;
		children.at(-1)?.();
		await island(el);
	};
	const walk = async (node, mod) => {
		const tag = node.localName;
		if (tag === "leptos-island") await wake(node, mod);
		if (tag === "leptos-children") children.push(node.$$on_hydrate);
		for (const child of [...node.children]) await walk(child, mod);
		if (tag === "leptos-children") children.pop();
	};
	const start = async () => {
		const mod = await import(js);
		await mod.default({ module_or_path: wasm });
		mod.hydrate();
		await walk(document.body, mod);
	};
	"requestIdleCallback" in window ? requestIdleCallback(start) : start();
})
