/** An activity that the worker had before. */
export async function announce(text: string): Promise<void> {
  console.log(text);
}
