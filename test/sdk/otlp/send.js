// Sends events through the unmodified OpenTelemetry SDK: node send.js [scene]
// FRESHET_URL and FRESHET_KEY say where to; EVENTS is their number. ENCODING=protobuf sends protobuf instead of JSON.
// Prints the ids that the events carry.
import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as JSONExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";

const { FRESHET_URL: url, FRESHET_KEY: key, EVENTS: count = "100", ENCODING: encoding = "json" } = process.env;
const Exporter = encoding === "protobuf" ? ProtobufExporter : JSONExporter;
const device = (id) => resourceFromAttributes({
  "service.name": "shop", "service.version": "1.2.3", "os.name": "iOS", "os.version": "18.1", "device.id": id,
  "device.manufacturer": "Apple", "device.model.identifier": "iPhone17,1", "app.installation.id": id,
  "telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "nodejs", "telemetry.sdk.version": "2.12.1", "deployment.environment.name": "test",
});

// An app is one installation with a logger of its own.
function app(id) {
  const exporter = new Exporter({ url: `${url}/v1/logs`, headers: { Authorization: `Bearer ${key}` }, compression: "gzip", timeoutMillis: 60000 });
  const processor = new BatchLogRecordProcessor({ exporter, maxQueueSize: 100000, maxExportBatchSize: 100, scheduledDelayMillis: 100, exportTimeoutMillis: 120000 });
  const provider = new LoggerProvider({ resource: device(id), processors: [processor] });
  const logger = provider.getLogger("shop", "1.0.0");
  return { emit: (eventName, attributes, more) => logger.emit({ eventName, attributes, ...more }), close: () => provider.shutdown() };
}

if (process.argv[2] === "scene") await scene();
else await load(Number(count));

async function scene() {
  const user = "u-otlp";
  const first = app("d1");
  first.emit("App Opened", {});
  first.emit("Signed Up", { "user.id": user });
  first.emit("$identify", { "user.id": user, plan: "pro" });
  await first.close();
  const second = app("d2");
  second.emit("Product Viewed", {});
  second.emit("$identify", { "user.id": user });
  second.emit("Purchased", { "user.id": user, amount: 42.5 });
  await second.close();
}

async function load(count) {
  const apps = Array.from({ length: 10 }, (_, n) => app(`device-${n}`));
  const ids = [];
  for (let n = 0; n < count; n++) {
    const attributes = { "session.id": `session-${n % 300}`, n, price: n / 4 + 0.25, tags: ["a", "b"], first: n === 0, nested: { n, list: [1, "two"] } };
    if (n % 3 === 0) attributes["user.id"] = `user-${n % 10}`;
    if (n % 2 === 0) {
      attributes["event.id"] = `otlp-${encoding}-${n}`;
      ids.push(attributes["event.id"]);
    }
    apps[n % 10].emit(["Product Viewed", "$page", "$screen", "$identify"][n % 4], attributes, {
      timestamp: Date.now() - n * 1000, severityNumber: SeverityNumber.INFO, severityText: "INFO", body: n % 5 === 0 ? { step: n, price: 1 } : undefined,
    });
    if (n % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(apps.map((a) => a.close()));
  console.log(JSON.stringify(ids));
}
