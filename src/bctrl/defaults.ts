export const DEFAULT_BASE_URL = 'https://api.bctrl.ai';
/** The API copies the file while the caller waits, and files may be large. */
export const DEFAULT_REQUEST_TIMEOUT = '5m';
/** One worker process uses at most this many of the API's connections. */
export const DEFAULT_MAX_REQUESTS = 32;
/** Longer than a listing that is kept by another machine than the files usually needs, short enough not to slow down retries. */
export const DEFAULT_LIST_SETTLE_TIME = '5s';
/** An attempt waits that long in its activity slot, and a last look twice as long. */
export const MAX_LIST_SETTLE_TIME = '10m';
