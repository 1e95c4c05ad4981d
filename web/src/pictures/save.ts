// Saving what is shown as a file.

export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  saveURL(name, url);
  // The browser has read it by the time that a minute is over.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function saveURL(name: string, url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

/** A file name out of words. */
export function fileName(words: string, ending: string): string {
  const plain = words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 80);
  return `${plain || 'freshet'}.${ending}`;
}
