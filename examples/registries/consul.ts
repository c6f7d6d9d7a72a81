import { consul } from '@rpcxjs/registry-consul';
import { basePath, type OpenRegistry } from './where.ts';

export const open = (address = '127.0.0.1:8500'): OpenRegistry => consul({ address, basePath });
