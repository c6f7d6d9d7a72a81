// moleculer over its own TCP transporter: two nodes that know each other's address, no discovery by broadcast, nothing logged or measured.
import { ServiceBroker } from 'moleculer';

export function broker(nodeID, { port, urls }) {
  return new ServiceBroker({
    nodeID,
    logger: false,
    metrics: false,
    tracing: false,
    requestTimeout: 0,
    transporter: { type: 'TCP', options: { udpDiscovery: false, port, urls } },
  });
}
