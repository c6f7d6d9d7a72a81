export { inZone } from './in-zone.ts';
