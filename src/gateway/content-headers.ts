import type { StoredFile } from './stored.js';

/** Headers that make a browser save a file and never show it: a job may have left a page of somebody else. */
export function toContentHeaders({ name, contentType, sizeBytes }: StoredFile): Record<string, string> {
  return {
    'content-type': contentType,
    'content-length': String(sizeBytes),
    'content-disposition': toContentDisposition(name),
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  };
}

/** What a file name cannot hold on some system, and what makes one look like another: controls, also of direction. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}"*/:<>?\\|]/gu;

/** `attachment` with the name in ASCII, and as it is if that differs (RFC 6266, RFC 8187). */
function toContentDisposition(name: string): string {
  const safe = name.replace(UNSAFE, '_') || 'download';
  // Some browsers would decode the percent sign.
  const ascii = safe.replace(/[^ -~]|%/gu, '_');
  const header = `attachment; filename="${ascii}"`;
  return ascii === safe ? header : `${header}; filename*=UTF-8''${encodeExtended(safe)}`;
}

/** Percent-encodes all but the `attr-char` of RFC 8187. */
function encodeExtended(text: string): string {
  return encodeURIComponent(text).replace(
    /['()]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
