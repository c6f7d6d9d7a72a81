/**
 * What a handler or an interceptor throws so that its caller gets nothing at all, neither a reply nor an error: it waits until its deadline.
 * For tests of clients, and for filters that must stay unnoticed.
 */
export const noReply: Error = new Error('this call is not answered');
