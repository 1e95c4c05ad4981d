// Names that the page uses for types of the API.
import type * as api from './openapi';

export type Me = api.MeAnswer;
export type Project = api.Project;
export type Schema = api.Schema;
export type Ledger = api.LedgerAnswer;
export type Status = api.ServerStatus;
export type DeadLetter = api.DeadLetter;
export type DeadLetterPage = api.DeadLetterPage;
export type Replay = api.ReplayAnswer;
export type Key = api.Key;
export type EventRow = api.Event;
export type LiveMessage = api.LiveMessage;
