// Saves a long text of one letter a hundred times, in a process of its own.
import { fileStore } from '../src/index.ts';

const [directory = '', letter = ''] = process.argv.slice(2);
const store = fileStore({ directory });
for (let count = 0; count < 100; count++) await store.save('Arith', letter.repeat(200_000));
