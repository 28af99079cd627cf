import type { FrameLocator, Locator, Page } from 'playwright-core';

type Heading = 'Summary' | 'Details' | 'Current Details';

export type Tab = 'History' | 'Pending Activities' | 'User Metadata' | 'Search Attributes' | 'Memo';

/** The page of one workflow in the Temporal UI, as the starter links to it. */
export class WorkflowPage {
  readonly #page: Page;
  readonly #link: string;

  constructor(page: Page, link: string) {
    this.#page = page;
    this.#link = link;
  }

  /** Reloads the page. It streams while the workflow runs, so its network is never idle. */
  async open(tab: Tab = 'History'): Promise<void> {
    await this.#page.goto(this.#link, { waitUntil: 'domcontentloaded' });
    await this.#page.waitForURL(`${this.#link}/*/history`, { waitUntil: 'domcontentloaded' });
    if (tab !== 'History') await this.turnTo(tab);
  }

  async turnTo(tab: Tab): Promise<void> {
    await this.#page.getByRole('tab', { name: tab }).click();
    await this.#page.getByRole('tab', { name: tab, selected: true }).waitFor();
  }

  status(name: string): Locator {
    return this.#page.locator('header').getByText(name, { exact: true });
  }

  /** The text of the tab User Metadata. */
  get metadata(): Locator {
    const summary = 'xpath=//h3[normalize-space()="Summary"]';
    return this.#page.locator(`${summary}/ancestor::div[.//h3[normalize-space()="Current Details"]][1]`);
  }

  /** A Markdown field of the tab User Metadata. */
  markdown(heading: Heading): FrameLocator {
    return this.#frame(heading).contentFrame();
  }

  /** Whether the last list item is visible without scrolling: the height of the frame follows its text. */
  async isWhole(heading: Heading): Promise<boolean> {
    const item = this.markdown(heading).getByRole('listitem').last();
    return (await bottomOf(item)) <= (await bottomOf(this.#frame(heading)));
  }

  #frame(heading: Heading): Locator {
    return this.#page.locator(`xpath=//h3[normalize-space()="${heading}"]/following::iframe[1]`);
  }

  /** A row of the table in the current details. */
  row(...cells: readonly (string | number)[]): Locator {
    return this.markdown('Current Details').getByRole('row', { name: cells.join(' '), exact: true });
  }

  /** The timeline of the tab History. */
  get timeline(): Locator {
    return this.#page.locator('svg').filter({ hasText: 'collectRuntimeFile' });
  }

  /** A bar of the timeline. */
  bar(name: string | RegExp): Locator {
    return this.timeline.getByText(name, { exact: true });
  }

  /** The bar of an activity that has failed at least once. */
  retriedBar(name: string): Locator {
    return this.bar(new RegExp(`^\\s*Attempt\\s+(?!1\\s)\\d+\\s+/\\s+∞\\s+•\\s+${name}\\s*$`));
  }

  /** The attempt counter of a retried activity, in the tab Pending Activities. */
  get retriedAttempt(): Locator {
    return this.#page.getByText(/^\s*(?!1\s)\d+\s+of\s+Unlimited\s*$/);
  }

  /** The JSON of the last failure, in the tab Pending Activities. */
  get lastFailure(): Locator {
    const label = 'xpath=//*[normalize-space(text())="Last Failure"]';
    return this.#page.locator(`${label}/following::*[contains(@class, "cm-content")][1]`);
  }

  /** Sends an update, by default without an argument. */
  async update(name: string, argument?: object): Promise<void> {
    const page = this.#page;
    await page.getByRole('button', { name: 'More Actions' }).filter({ visible: true }).click();
    await page.getByRole('menuitem', { name: 'Send an Update' }).click();
    await page.getByTestId('update-select-button').filter({ visible: true }).click();
    await page.getByRole('option', { name, exact: true }).click();
    if (argument !== undefined) {
      const editor = page.getByRole('textbox').and(page.locator('.cm-content')).filter({ visible: true });
      await editor.last().click();
      await page.keyboard.insertText(JSON.stringify(argument));
      // It is laid out anew when the focus leaves it, and the dialog moves.
      await page.getByText('(only single JSON payload supported)').filter({ visible: true }).click();
      await editor.last().getByText('{', { exact: true }).waitFor();
    }
    await page.getByRole('button', { name: 'Submit' }).filter({ visible: true }).click();
  }

  /** All text of the page, including its frames. */
  async text(): Promise<string> {
    const texts = this.#page.frames().map((frame) => frame.locator('body').innerText());
    return (await Promise.all(texts)).join('\n');
  }
}

async function bottomOf(locator: Locator): Promise<number> {
  const box = await locator.boundingBox();
  return box ? box.y + box.height : Number.POSITIVE_INFINITY;
}
