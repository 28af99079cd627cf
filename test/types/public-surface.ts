import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SyntaxKind } from 'typescript/unstable/ast';
import {
  API,
  type Checker,
  type Symbol as NamedSymbol,
  SignatureKind,
  SymbolFlags,
  type Type,
} from 'typescript/unstable/sync';

const root = fileURLToPath(new URL('../../', import.meta.url));

const entries = ['index', 'workflow', 'client', 'testing'];

/** Members that somebody wrote with a type. What a schema implies has no comment in the shipped `.d.ts`. */
const writtenKinds: readonly SyntaxKind[] = [
  SyntaxKind.PropertySignature,
  SyntaxKind.MethodSignature,
  SyntaxKind.PropertyDeclaration,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.GetAccessor,
];

const NAMED_TYPE = SymbolFlags.Class | SymbolFlags.Interface | SymbolFlags.TypeAlias;

interface PublicField {
  /** `PipelineOptions.exportArchive.name`: where it was found first. */
  readonly name: string;
  readonly isDocumented: boolean;
}

export interface PublicSurface {
  /** The fields and methods of all public types, each of them once, however many types inherit or contain it. */
  readonly fields: readonly PublicField[];
  /** `client: PipelineReport`: types of this package that an entry mentions and does not export. */
  readonly unexported: readonly string[];
}

/** Reads what the entries of the package show to its users. */
export function readPublicSurface(): PublicSurface {
  const api = new API({ cwd: root });
  try {
    const configFile = `${root}tsconfig.json`;
    const project = api.updateSnapshot({ openProjects: [configFile] }).getProject(configFile);
    if (project === undefined) throw new Error(`${configFile} is no project`);
    const { checker, program } = project;
    const fields = new Map<string, PublicField>();
    const unexported: string[] = [];
    for (const entry of entries) {
      const path = `${root}src/${entry}.ts`;
      if (!existsSync(path)) continue;
      const file = program.getSourceFile(path);
      const module = file && checker.getSymbolAtLocation(file);
      if (module === undefined) throw new Error(`${path} is no module`);
      const visitor = new SurfaceVisitor(checker, fields);
      const exported = checker.getExportsOfModule(module);
      for (const symbol of exported) visitor.visitExport(symbol);
      const names = new Set(exported.map(({ name }) => name));
      const missing = [...visitor.mentioned].filter((name) => !names.has(name));
      unexported.push(...missing.map((name) => `${entry}: ${name}`));
    }
    return { fields: [...fields.values()], unexported };
  } finally {
    api.close();
  }
}

/** Walks through the types that one entry exports, and through those that they mention. */
class SurfaceVisitor {
  /** Names of the package's types. */
  readonly mentioned = new Set<string>();
  readonly #checker: Checker;
  readonly #fields: Map<string, PublicField>;
  readonly #visited = new Set<number>();

  constructor(checker: Checker, fields: Map<string, PublicField>) {
    this.#checker = checker;
    this.#fields = fields;
  }

  visitExport(exported: NamedSymbol): void {
    const isAlias = (exported.flags & SymbolFlags.Alias) !== 0;
    const symbol = isAlias ? this.#checker.getAliasedSymbol(exported) : exported;
    if ((symbol.flags & SymbolFlags.Type) !== 0) {
      this.#visit(this.#checker.getDeclaredTypeOfSymbol(symbol), exported.name);
    }
    if ((symbol.flags & SymbolFlags.Value) !== 0) {
      this.#visit(this.#checker.getTypeOfSymbol(symbol), exported.name);
    }
  }

  #visit(type: Type | undefined, owner: string): void {
    if (type === undefined || this.#visited.has(type.id)) return;
    this.#visited.add(type.id);
    this.#mention(type);
    for (const argument of type.getAliasTypeArguments()) this.#visit(argument, owner);
    if (type.isUnionType() || type.isIntersectionType()) {
      for (const member of type.getTypes()) this.#visit(member, owner);
    }
    if (type.isTypeReference()) {
      for (const argument of this.#checker.getTypeArguments(type)) this.#visit(argument, owner);
    }
    if (!type.isObjectType()) return;
    for (const kind of [SignatureKind.Call, SignatureKind.Construct]) {
      for (const signature of this.#checker.getSignaturesOfType(type, kind)) {
        for (const parameter of signature.getParameters()) {
          this.#visit(this.#checker.getTypeOfSymbol(parameter), owner);
        }
        this.#visit(this.#checker.getReturnTypeOfSignature(signature), owner);
      }
    }
    for (const { valueType } of this.#checker.getIndexInfosOfType(type)) this.#visit(valueType, owner);
    for (const property of this.#checker.getPropertiesOfType(type)) this.#visitField(property, owner);
  }

  #visitField(property: NamedSymbol, owner: string): void {
    const [declaration] = property.declarations;
    const isPrivate = property.name.includes('#') || property.name === 'prototype';
    if (declaration === undefined || isPrivate || !isOwn(property)) return;
    const name = `${owner}.${property.name}`;
    const id = `${declaration.path}:${declaration.index}`;
    if (!this.#fields.has(id)) {
      const isDocumented =
        writtenKinds.includes(declaration.kind) &&
        this.#checker.getDocumentationCommentOfSymbol(property) !== '';
      this.#fields.set(id, { name, isDocumented });
    }
    this.#visit(this.#checker.getTypeOfSymbol(property), name);
  }

  #mention(type: Type): void {
    const symbol = type.getAliasSymbol() ?? type.getSymbol();
    if (symbol === undefined || !isOwn(symbol) || (symbol.flags & NAMED_TYPE) === 0) return;
    this.mentioned.add(symbol.name);
  }
}

function isOwn(symbol: NamedSymbol): boolean {
  return symbol.declarations.some(({ path }) => path.startsWith(`${root}src/`));
}
