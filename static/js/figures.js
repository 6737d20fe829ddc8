/* A page whose plots stand still: draw each once. */
import { drawAll } from './plots.js';

await drawAll();
