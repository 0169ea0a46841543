#!/usr/bin/env node
// Reacts to the usage of a team from Node, with fs.watch. As a program it prints one line of JSON after each change:
//
//     node contrib/on-change.mjs teams/okstra-checkout
//
// As a module it calls a function of yours:
//
//     import { onChange } from './on-change.mjs';
//     const stop = onChange('teams/okstra-checkout', (usage) => console.log(usage.usageSummary.totalTokens));
//
// If the folder does not exist yet, or disappears with the mount, it says so on stderr and waits for the folder.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const RETRY_MS = 1000;

export function mountpoint(env = process.env) {
    return env.OKSTRAFS_MOUNT || path.join(env.OKSTRA_HOME?.trim() || path.join(os.homedir(), '.okstra'), 'usage');
}

// Calls `react` with the parsed usage.json after each change; gives a function that stops it.
export function onChange(name, react) {
    const folder = path.join(mountpoint(), name);
    const file = path.join(folder, 'usage.json');
    let watcher = null;
    let timer = null;
    let last = null;
    let waits = false;

    function look() {
        let text;
        try {
            text = fs.readFileSync(file, 'utf8');
        } catch {
            return again();
        }
        if (text !== last && last !== null)
            react(JSON.parse(text));
        last = text;
    }

    function again() {
        watcher?.close();
        watcher = null;
        clearTimeout(timer);
        timer = setTimeout(start, RETRY_MS);
    }

    function sayMissing() { // once: a misspelt name would be waited for without a word
        if (waits)
            return;
        waits = true;
        const parent = path.dirname(folder);
        console.error(fs.existsSync(parent)
            ? `on-change: there is no ${folder} yet: waiting for it; 'ls ${parent}' has the names`
            : `on-change: there is no ${parent}: waiting for it; 'okstrafs mount' makes it (see OKSTRA_HOME)`);
    }

    function start() {
        try {
            watcher = fs.watch(folder, (what, changed) => {
                if (changed === 'usage.json')
                    look();
                else if (what === 'rename' && changed === path.basename(folder))
                    again(); // the folder itself went away
            });
            watcher.on('error', again);
        } catch {
            sayMissing();
            return again();
        }
        waits = false;
        look(); // what came between two watches
    }

    start();
    return () => {
        watcher?.close();
        clearTimeout(timer);
    };
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
    if (process.argv.length !== 3) {
        console.error('usage: on-change.mjs teams/NAME');
        process.exit(2);
    }
    onChange(process.argv[2], (usage) => console.log(JSON.stringify(usage)));
}
