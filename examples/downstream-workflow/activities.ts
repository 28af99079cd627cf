/** Stands for what your system does with a stored file. */
export async function importFile(fileId: string): Promise<void> {
  console.log(`imported ${fileId}`);
}
