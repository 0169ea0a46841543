// Runs SQL in a DuckDB file: duckdb.js FILE. Each line of the input is a JSON string of SQL; each line of the output has
// the rows of its last statement. @duckdb/node-api is looked for where node looks: here, in the working directory, and
// in $NODE_PATH.
const { createRequire } = require('module');
const { createInterface } = require('readline');

function api() {
    for (const from of [__filename, process.cwd() + '/'])
        try {
            return createRequire(from)('@duckdb/node-api');
        } catch (error) {
            if (error.code !== 'MODULE_NOT_FOUND') throw error;
        }
    throw new Error('no @duckdb/node-api here: npm install @duckdb/node-api');
}

async function main() {
    const connection = await (await api().DuckDBInstance.create(process.argv[2])).connect();
    for await (const line of createInterface({ input: process.stdin })) {
        const reader = await connection.runAndReadAll(JSON.parse(line));
        process.stdout.write(JSON.stringify(reader.getRowObjectsJson()) + '\n');
    }
    connection.closeSync();
}

main().catch(error => {
    console.error(`duckdb: ${error.message}`);
    process.exit(1);
});
