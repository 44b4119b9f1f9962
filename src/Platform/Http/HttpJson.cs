using System.Text.Json;
using System.Text.Json.Serialization;

namespace Platform.Http;

internal static class HttpJson
{
    internal static void Configure(JsonSerializerOptions options)
    {
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));

        // A null where the command has none is the client's mistake, not a NullReferenceException of ours.
        options.RespectNullableAnnotations = true;
    }
}
